"""Pictures -> a trained model. The only place that joins the parts."""
