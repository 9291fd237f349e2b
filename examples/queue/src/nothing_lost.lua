-- However workers die: what was added is waiting, in work or done, and in the end it
-- is all done. Adds some work itself.
local time = require("time")

return function(view)
	local inbox = process.inbox()
	if not process.registry.lookup("queue") then
		return -- it is just being restarted
	end
	local function count()
		process.send("queue", "count", true)
		return inbox:receive():payload():data()
	end
	local now = count()
	assert(now.added == now.waiting + now.working + now.done, "a job is lost")
	for job = 1, 5 do
		process.send("queue", "add", job)
	end
	if view.final then
		time.sleep("5s")
		now = count()
		assert(now.done == now.added, `{now.added - now.done} jobs are never done`)
	end
end
