"""caldav makes a calendar with an event, and reads it."""
import datetime
import json
import os
from urllib.parse import unquote, urlsplit

import caldav

client = caldav.DAVClient(
    url=os.environ["URL"],
    headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},
    ssl_verify_cert=os.environ["REQUESTS_CA_BUNDLE"],
)
principal = client.principal()
calendar = principal.make_calendar(name="Work")
begin = datetime.datetime(2026, 11, 30, 9, tzinfo=datetime.timezone.utc)
calendar.save_event(dtstart=begin, dtend=begin + datetime.timedelta(hours=1), summary=os.environ["TITLE"])
events = [str(event.icalendar_component["summary"]) for event in calendar.events()]
print(json.dumps({"whose": unquote(urlsplit(str(principal.url)).path), "events": events}))
