"""The standard: one folder for each stage, one file for each rule. `ls` is the table of contents."""
