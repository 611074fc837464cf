CLIENT = "wandb.sdk.launch"  # wandb itself, and what its first run imports: a second
