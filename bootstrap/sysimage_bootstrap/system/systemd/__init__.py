"""systemd as the init: units, the links that enable them, and the program that becomes systemd."""
