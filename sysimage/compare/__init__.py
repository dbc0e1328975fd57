"""What images, specs and lock files hold, and how two of them differ. Beside `sysimage.verify`: it only reads."""
