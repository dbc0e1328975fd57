"""The system item: a profile of packages, /etc, services and what boots them, made of a system.json."""
