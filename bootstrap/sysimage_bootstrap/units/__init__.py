"""Unit files of systemd, as packages ship them, read into what a service of the Shepherd can do."""
