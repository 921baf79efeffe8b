// DeltaLog
