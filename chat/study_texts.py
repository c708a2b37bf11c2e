"""What the page of a study says. The questions ask, in our words, what those of the 2021 paper ask (section 6.4)."""

WELCOME = """You will talk with two computer programs, one after the other, about something that troubles you: real, \
and light enough to speak of today. Then you say which of them did better. It takes about 15 minutes.

What you write and answer is stored for this study, without your name; please write nothing that tells who you are. \
You may stop at any time by closing the page, and go on later with the same address."""
READABLE = "Other participants may read my two conversations, without my name, and judge them too."
INTENSITY_BEFORE = "How strong is the feeling that troubles you, right now?"
INTENSITY_AFTER = "When you are done with this conversation: how strong is the feeling now?"
INTENSITIES = [("1 weak", 1), ("2", 2), ("3", 3), ("4", 4), ("5 very strong", 5)]
ASK: dict[str, str] = {
    "fluency": "Fluency: whose messages read better and were easier to understand?",
    "identification": "Identification: who went deeper into the situation and saw better what the problem is?",
    "comforting": "Comforting: who was better at giving comfort?",
    "suggestion": "Suggestion: whose suggestions were more helpful?",
    "overall": "Overall: whose support would you choose?",
}
THANKS = "Thank you. Your answers are stored. You may close this page."
STOPPED = "The study ends here for you. Nothing else is asked; what matters now is that you are safe."
