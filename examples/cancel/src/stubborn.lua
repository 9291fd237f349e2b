local function main(parent)
	process.send(parent, "up")
	while true do
		-- Busy for ever. Nothing can hang the others, and pcall cannot survive the end.
		pcall(function()
			while true do
			end
		end)
	end
end

return { main = main }
