"""What the console page asks for besides the models themselves: its files, operations data, uploads."""
