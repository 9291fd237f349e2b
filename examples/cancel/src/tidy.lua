local function main(parent)
	local time = require("time")
	local events = process.events()
	process.send(parent, "up")
	local event = events:receive()
	if event.kind == process.event.CANCEL then
		print("tidy: cleaning up, deadline given: " .. tostring(event.deadline ~= nil))
		time.sleep("20ms")
		return "cleaned up"
	end
end

return { main = main }
