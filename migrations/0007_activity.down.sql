drop table slipstream.activity_answer;
drop table slipstream.activity_silence;
drop table slipstream.activity_settings;
