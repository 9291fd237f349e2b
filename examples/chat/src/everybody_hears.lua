-- The room knows each guest that lives, once faults have stopped. What a guest hears out of
-- order makes it fail: it would not be there.
local time = require("time")

return function(view)
	assert((view.unread["app:room"] or 0) < 100, "the room does not read")
	if not view.final or not view.names["room"] then
		return -- not yet, or the house was told to close
	end
	process.send("room", "count", true)
	local count = process.inbox():receive():payload():data()
	assert(view.processes["app:guest"] == 5, "not all guests are back")
	assert(count.guests == 5, `the room knows {count.guests} guests`)
	assert(view.names["room"] == "app:room", "somebody else is called room")
end
