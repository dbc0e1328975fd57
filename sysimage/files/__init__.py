"""Files that this program keeps: written whole, locked, remembered, and found by what they were made from."""
