"""The fixed message that takes the place of model text when the screening finds a crisis.

Written for a person who reads it in a bad moment: short sentences, help first, no judgement, no diagnosis, no promise
that a program cannot keep, and words that fit whoever is in danger, the writer or somebody else. Telephone numbers
change: check them before you put the chat in front of people.
"""

CRISIS_REPLY = """\
Thank you for saying this. It sounds as if you, or somebody you care about, may be in danger or in great pain. \
It matters, it is nobody's shame, and nobody has to carry it alone.

I am only a computer program, made for research. I cannot help in an emergency and nobody reads along here. \
But there are people who can help, right now:

If anybody is in danger at this moment, call your local emergency number (112 in the EU and many other countries, \
911 in the US and Canada, 999 in the UK, 000 in Australia) or go to the nearest emergency department.

To talk with somebody, free and confidential:
- Any country: https://findahelpline.com
- US and Canada: call or text 988
- UK and Ireland: Samaritans, 116 123
- Australia: Lifeline, 13 11 14
- Children and young people: Childline, 0800 1111 (UK); elsewhere https://childhelplineinternational.org

If somebody hurts, threatens or controls you, it is not your fault, and you deserve to be believed:
- US: National Domestic Violence Hotline, 1-800-799-7233; sexual assault: RAINN, 1-800-656-4673
- UK: National Domestic Abuse Helpline, 0808 2000 247; Ireland: Women's Aid, 1800 341 900
- Australia: 1800RESPECT, 1800 737 732
If they may look at this device, use another one.

If you fear that you could hurt somebody, put distance between you, and anything that could be a weapon, and call one \
of these lines or the emergency number: they talk with you about that too.

If you can, tell one person you trust. This program will not go on chatting about this; if it misunderstood you, I am \
sorry, and you can begin a new conversation."""
