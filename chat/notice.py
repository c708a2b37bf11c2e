"""What everybody reads before they chat."""

NOTICE = """\
This is research software, not a therapist, not a doctor and not a crisis service. A small language model writes the \
replies; they can be wrong, unkind or senseless. Nobody reads along and nobody can send help. Please do not use it \
when you are in distress: if you are, or are in danger, call your local emergency number or find a helpline at \
https://findahelpline.com. Messages that sound like a crisis are answered with a fixed text that names places to turn \
to; this check misses many such messages, and it reads English only. Please write no names, no addresses and nothing \
that you would not want stored."""
