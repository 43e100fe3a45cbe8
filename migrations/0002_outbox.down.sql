drop function slipstream.append(text, uuid[], text[], text[], text);
drop table slipstream.outbox;
