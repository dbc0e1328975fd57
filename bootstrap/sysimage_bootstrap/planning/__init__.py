"""What each store item will be, and what it will refer to: a recipe made of inventories alone."""
