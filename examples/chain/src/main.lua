-- A chain of five processes, each linked to the next. The first one fails; the
-- failure runs down the chain, and the last one knows where it began.
local function main()
	local inbox, events = process.inbox(), process.events()
	process.spawn("app:node", "app:processes", 5, process.pid())
	local pids = {}
	for _ = 1, 5 do
		local node = inbox:receive():payload():data()
		pids[node.depth] = node.pid
	end
	process.monitor(pids[1])
	process.send(pids[5], "fail")
	local event = events:receive()
	local details = event.result.error:details()
	print("the last node ended: " .. event.reason)
	print("its neighbour failed: " .. tostring(details.pid == pids[2]))
	print("it began with the first: " .. tostring(details.origin == pids[5]) .. ", " .. details.cause)
end

return { main = main }
