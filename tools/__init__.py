"""Programs for those who work on fakekube; nothing here is installed."""
