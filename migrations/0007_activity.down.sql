drop table slipstream.activity_silence;
drop table slipstream.activity_settings;
