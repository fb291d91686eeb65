"""Safety trainings: functions that return phases put after an arm's own. None knows the arm it follows."""
