// ReplicationWorker
