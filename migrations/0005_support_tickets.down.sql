drop table copilot.support_tickets;
drop table copilot.users;
drop schema copilot;
