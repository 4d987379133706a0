// Run beside HighLevel's own client for JavaScript: make the reconciler's calls and print what they gave.
const { createRequire } = require("node:module");

const world = JSON.parse(process.argv[2]);
const { HighLevel } = createRequire(`${world.modules}/`)("@gohighlevel/api-client");

async function main() {
  HighLevel.BASE_URL = world.url;
  const client = new HighLevel({ privateIntegrationToken: world.token, ...(world.version && { apiVersion: world.version }) });
  const locationId = world.location;
  const search = { locationId, pageLimit: 1, sort: [{ field: "dateAdded", direction: "desc" }] };
  const exact = [{ field: "email", operator: "eq", value: world.email }];
  const calendars = await client.calendars.getCalendars({ locationId });
  const pages = [await client.contacts.searchContactsAdvanced(search)];
  while (pages.at(-1).contacts.length && pages.length < Number(world.contacts)) {
    const searchAfter = pages.at(-1).contacts.at(-1).searchAfter;
    pages.push(await client.contacts.searchContactsAdvanced({ ...search, searchAfter }));
  }
  let refused = [];
  try {
    await client.calendars.getAppointment({ eventId: "gone" });
  } catch (error) {
    refused = [error.statusCode ?? error.response?.status, String(error.message)];
  }
  return {
    appointment: await client.calendars.getAppointment({ eventId: world.appointment }),
    calendars,
    events: await client.calendars.getCalendarEvents({
      locationId,
      calendarId: calendars.calendars[0].id,
      startTime: world.since,
      endTime: world.until,
    }),
    search: await client.contacts.searchContactsAdvanced({ ...search, filters: exact }),
    pages: pages.map((page) => page.contacts.map((each) => each.id)),
    listed: await client.contacts.getAppointmentsForContact({ contactId: world.contact }),
    location: await client.locations.getLocation({ locationId }),
    refused,
  };
}

main().then(
  (told) => process.stdout.write("\n" + JSON.stringify(told)),
  (error) => {
    process.stderr.write(String(error.stack));
    process.exitCode = 1;
  },
);
