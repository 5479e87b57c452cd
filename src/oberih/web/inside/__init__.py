"""The inner side: for people with an account. It can read everything, and shows what somebody may see."""

__all__: list[str] = []
