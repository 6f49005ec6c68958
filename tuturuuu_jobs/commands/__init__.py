"""One file per subcommand: options to payload, run, print."""
