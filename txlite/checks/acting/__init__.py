"""The exercises on acting: episodes as sequences, playing for a return, who played best."""
