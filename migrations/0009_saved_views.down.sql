drop index slipstream.ledger_batch_occurred;
drop table slipstream.request_key;
drop table slipstream.saved_view;
