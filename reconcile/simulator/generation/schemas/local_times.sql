-- instants as local time of New York, as epoch milliseconds and as date and time.
CREATE TABLE company (
    id integer PRIMARY KEY,
    name text NOT NULL,
    ghl_location_id text,
    ghl_token text,
    calendly_user text,
    calendly_token text
);
CREATE TABLE lead (
    id integer PRIMARY KEY,
    company_id integer NOT NULL REFERENCES company,
    email text,
    ghl_contact_id text,
    status char(12) NOT NULL DEFAULT 'NEW',
    booking_id text,
    booking_provider char(1),
    booking_status char(1),
    booking_starts_at timestamp,
    booking_ends_at timestamp,
    sequence char(1) NOT NULL DEFAULT 'N',
    last_inbound_ms bigint
);
CREATE INDEX ON lead (company_id);
CREATE TABLE booking (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lead_id integer NOT NULL REFERENCES lead,
    external_id text NOT NULL,
    status char(1) NOT NULL,
    start_date date NOT NULL,
    start_time time NOT NULL,
    ends_at bigint,
    UNIQUE (lead_id, external_id)
);

-- fill
INSERT INTO company SELECT n, name, ghl_location_id, ghl_token, calendly_user, calendly_token FROM simulated_workspace;
INSERT INTO lead
SELECT n, workspace_n, email, contact_id, CASE status WHEN 'meeting-booked' THEN 'BOOKED' ELSE upper(status) END,
    booking_id, upper(left(booking_provider, 1)), CASE booking_status WHEN 'canceled' THEN 'X' WHEN 'confirmed' THEN 'C' END,
    booking_starts_at AT TIME ZONE 'America/New_York', booking_ends_at AT TIME ZONE 'America/New_York',
    CASE WHEN in_sequence THEN 'Y' ELSE 'N' END, extract(epoch FROM last_inbound_at) * 1000 FROM simulated_lead;
INSERT INTO booking (lead_id, external_id, status, start_date, start_time, ends_at)
SELECT n, booking_id, CASE booking_status WHEN 'canceled' THEN 'X' ELSE 'C' END,
    (booking_starts_at AT TIME ZONE 'America/New_York')::date,
    (booking_starts_at AT TIME ZONE 'America/New_York')::time, extract(epoch FROM booking_ends_at)
FROM simulated_lead WHERE booking_id IS NOT NULL;
