"""A churn model that proves itself: data contract, training, gates, promotion, scoring, rollback."""
