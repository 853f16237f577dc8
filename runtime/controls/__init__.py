"""Controls: an operator pauses receiving or sending, or freezes some mail, for a while.

`values` says what a control is, `store` keeps them in Redis, `watch` is how each process follows
them.
"""
