"""Care for the people who write: screening of what they say and of what a model says, and the fixed replies.

``care.Care`` joins the parts for a conversation: ``screening.Screener`` (rules and a learned detector, two levels),
``replies.ReplyScreener`` (what a model must not say) and the helplines. This package knows nothing of who calls it.
"""
