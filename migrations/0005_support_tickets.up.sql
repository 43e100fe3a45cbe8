-- Support tickets of the copilot control plane, and the people they refer to.

create schema copilot;
grant usage on schema copilot to slipstream_api, slipstream_platform;

create table copilot.users (
  id uuid primary key default gen_random_uuid(),
  account_id text collate "C" not null,
  email varchar(320) not null,
  name varchar(255) not null,
  profile_image text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email on copilot.users (account_id, lower(email));

create table copilot.support_tickets (
  id uuid primary key default gen_random_uuid(),
  account_id text collate "C" not null,
  user_profile_id text,
  subject varchar(500) not null,
  description text not null default '',
  status text not null default 'OPEN'
    constraint support_tickets_status check (status in ('OPEN', 'IN_PROGRESS', 'PENDING', 'RESOLVED', 'CLOSED', 'CANCELLED')),
  priority text not null default 'MEDIUM'
    constraint support_tickets_priority check (priority in ('LOW', 'MEDIUM', 'URGENT', 'IMPORTANT')),
  assigned_to text,
  created_by text,
  updated_by text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- The first two give the order of the lists, with the id to break ties; the others are the lists' filters.
create index support_tickets_newest on copilot.support_tickets (account_id, created_at desc, id desc);
create index support_tickets_newest_of_all on copilot.support_tickets (created_at desc, id desc);
create index support_tickets_status on copilot.support_tickets (account_id, status);
create index support_tickets_priority on copilot.support_tickets (account_id, priority);
create index support_tickets_assigned_to on copilot.support_tickets (account_id, assigned_to);
create index support_tickets_user_profile on copilot.support_tickets (account_id, user_profile_id);

alter table copilot.users enable row level security;
alter table copilot.users force row level security;
create policy account on copilot.users to slipstream_api
  using (account_id = slipstream.current_tenant()) with check (account_id = slipstream.current_tenant());
create policy all_accounts on copilot.users to slipstream_platform using (true) with check (true);

alter table copilot.support_tickets enable row level security;
alter table copilot.support_tickets force row level security;
create policy account on copilot.support_tickets to slipstream_api
  using (account_id = slipstream.current_tenant()) with check (account_id = slipstream.current_tenant());
create policy all_accounts on copilot.support_tickets to slipstream_platform using (true) with check (true);

grant select on copilot.users to slipstream_api, slipstream_platform;
grant select, insert, update, delete on copilot.support_tickets to slipstream_api, slipstream_platform;
