-- booleans for statuses, soft delete everywhere.
CREATE TABLE clients (
    id text PRIMARY KEY,
    name text NOT NULL,
    timezone text,
    ghl_location_id text,
    ghl_token text,
    calendly_user text,
    calendly_token text,
    deleted_at timestamptz
);
CREATE TABLE contacts (
    id text PRIMARY KEY,
    client_id text NOT NULL REFERENCES clients,
    email text,
    ghl_contact_id text,
    is_booked boolean NOT NULL DEFAULT false,
    booking_id text,
    booking_cancelled boolean,
    booking_start timestamptz,
    booking_end timestamptz,
    in_sequence boolean NOT NULL DEFAULT false,
    last_inbound_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz
);
CREATE INDEX ON contacts (client_id);
CREATE TABLE bookings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id text NOT NULL REFERENCES contacts,
    booking_id text NOT NULL,
    cancelled boolean NOT NULL DEFAULT false,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    deleted_at timestamptz,
    UNIQUE (contact_id, booking_id)
);

-- fill
INSERT INTO clients SELECT id, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO clients (id, name, deleted_at) VALUES ('gone', 'Gone', now());
INSERT INTO contacts (id, client_id, email, ghl_contact_id, is_booked, booking_id, booking_cancelled, booking_start, booking_end,
    in_sequence, last_inbound_at)
SELECT id, workspace_id, email, contact_id, status = 'meeting-booked', booking_id, booking_status = 'canceled', booking_starts_at,
    booking_ends_at, in_sequence, last_inbound_at FROM simulated_lead;
INSERT INTO contacts (id, client_id, email, in_sequence, deleted_at)
SELECT 'gone-' || id, workspace_id, 'gone-' || email, true, now() FROM simulated_lead WHERE n <= 2;
INSERT INTO bookings (contact_id, booking_id, cancelled, starts_at, ends_at)
SELECT id, booking_id, booking_cancelled, booking_start, booking_end FROM contacts WHERE booking_id IS NOT NULL;
