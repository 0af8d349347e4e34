-- What a group may pick from is on the phones of its people (R43, R44): a ticket's rows are looked up by ticket.

CREATE INDEX visibility_by_ticket ON visibility (ticket_index);
