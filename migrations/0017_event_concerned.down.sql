drop index slipstream.event_concerned;
