local time = require("time")

return function()
	local inbox = process.inbox()
	for job = 1, 10 do
		process.send("queue", "add", job)
	end
	local count
	repeat
		time.sleep("10ms")
		process.send("queue", "count", true)
		count = inbox:receive():payload():data()
	until count.done == 10
	print(`{count.added} jobs were added, {count.done} are done`)
end
