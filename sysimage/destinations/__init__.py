"""Where images go: OCI layouts, archives in files and pipes, engines, registries. A command needs one or two of these
modules, so none is loaded for all."""
