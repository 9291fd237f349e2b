local function main(job)
	if job == "add" then
		return 20 + 22
	elseif job == "crash" then
		error("something broke")
	end
	return nil, "no idea how to " .. job
end

return { main = main }
