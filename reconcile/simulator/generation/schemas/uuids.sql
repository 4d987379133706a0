-- uuid keys, native enums, a schema of its own, two status enums that differ.
CREATE SCHEMA crm;
CREATE TYPE crm.contact_stage AS ENUM ('NEW', 'QUALIFIED', 'BOOKED', 'WON', 'LOST');
CREATE TYPE crm.meeting_state AS ENUM ('SCHEDULED', 'CANCELLED', 'COMPLETED', 'NO_SHOW');
CREATE TYPE crm.calendar AS ENUM ('GOHIGHLEVEL', 'CALENDLY');
CREATE TABLE crm.tenant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    time_zone varchar(64),
    location_id text,
    highlevel_token text,
    calendly_user text,
    calendly_token text,
    is_active boolean NOT NULL DEFAULT true
);
CREATE TABLE crm.contact (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES crm.tenant,
    email_address text,
    highlevel_contact_id text,
    stage crm.contact_stage NOT NULL DEFAULT 'NEW',
    meeting_ref text,
    meeting_calendar crm.calendar,
    meeting_state crm.meeting_state,
    meeting_starts_at timestamptz,
    meeting_ends_at timestamptz,
    meeting_cancelled_at timestamptz,
    in_sequence boolean NOT NULL DEFAULT false,
    last_reply_at timestamptz,
    updated_at timestamptz
);
CREATE INDEX ON crm.contact (tenant_id);
CREATE TABLE crm.meeting (
    id uuid PRIMARY KEY,
    contact_id uuid NOT NULL REFERENCES crm.contact,
    tenant_id uuid NOT NULL REFERENCES crm.tenant,
    external_ref text NOT NULL,
    calendar crm.calendar NOT NULL,
    state crm.meeting_state NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    cancelled_at timestamptz,
    created_at timestamptz NOT NULL,
    UNIQUE (contact_id, external_ref)
);

-- fill
INSERT INTO crm.tenant (id, name, time_zone, location_id, highlevel_token, calendly_user, calendly_token)
SELECT md5(id)::uuid, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO crm.contact (id, tenant_id, email_address, highlevel_contact_id, stage, meeting_ref, meeting_calendar,
    meeting_state, meeting_starts_at, meeting_ends_at, in_sequence, last_reply_at)
SELECT md5(id)::uuid, md5(workspace_id)::uuid, email, contact_id,
    (CASE status WHEN 'meeting-booked' THEN 'BOOKED' WHEN 'customer' THEN 'WON' ELSE upper(status) END)::crm.contact_stage,
    booking_id, (CASE booking_provider WHEN 'ghl' THEN 'GOHIGHLEVEL' ELSE upper(booking_provider) END)::crm.calendar,
    (CASE booking_status WHEN 'confirmed' THEN 'SCHEDULED' WHEN 'canceled' THEN 'CANCELLED' END)::crm.meeting_state,
    booking_starts_at, booking_ends_at, in_sequence, last_inbound_at FROM simulated_lead;
INSERT INTO crm.meeting (id, contact_id, tenant_id, external_ref, calendar, state, starts_at, ends_at, created_at)
SELECT gen_random_uuid(), id, tenant_id, meeting_ref, meeting_calendar, meeting_state, meeting_starts_at,
    meeting_ends_at, now() FROM crm.contact WHERE meeting_ref IS NOT NULL;
