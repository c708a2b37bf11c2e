"""Care for the people who write: screening of messages for a crisis, and the fixed reply that names helplines.

``screening.screen(text)`` says whether a message shows a crisis; ``reply.CRISIS_REPLY`` is what is then answered. This
package knows nothing of who calls it.
"""
