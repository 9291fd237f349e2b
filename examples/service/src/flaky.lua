-- Fails in its first two lives. The runtime starts it again, a little later
-- each time.
local function main()
	process.send("register", "birth")
	local life = process.inbox():receive():payload():data()
	if life < 3 then
		print("life " .. life .. ": failing")
		return nil, "not ready for the world"
	end
	print("life " .. life .. ": working")
	local event = process.events():receive()
	print("life " .. life .. ": asked to stop (" .. event.reason .. ")")
end

return { main = main }
