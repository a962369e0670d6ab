"""What the subcommands of ``tinygrad-edu`` do that look at a function of the user's; ``cli`` reads their options."""
