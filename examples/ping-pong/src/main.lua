-- Messages: each process has a mailbox; the inbox yields messages with a
-- topic, a sender and a payload.
local function main()
	local pong, err = process.spawn("app:pong", "app:processes")
	if err then
		return nil, "spawn failed: " .. tostring(err)
	end
	local inbox = process.inbox()
	for round = 1, 3 do
		process.send(pong, "ping", round)
		local message = inbox:receive()
		print(message:topic(), message:payload():data(), message:from() == pong)
	end
	process.send(pong, "stop")
end

return { main = main }
