"""A system out of a Guix or Nix store: the way to a `SystemResult` that makes nothing and only reads."""

from sysimage.from_store.pack import pack_accounts
from sysimage.from_store.realise import realise

__all__ = ["pack_accounts", "realise"]
