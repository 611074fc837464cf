CLIENT = "wandb.sdk.launch"  # imports wandb and the modules of its first run, which takes a second
