"""What a report and a model card say, and the pages they are on."""
