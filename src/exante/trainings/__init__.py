"""Trainings that follow an organism: functions that return phases or whole arms. None knows which arm it follows."""
