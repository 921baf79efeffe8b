// TestGuest
