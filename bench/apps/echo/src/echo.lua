return function()
    local inbox = process.inbox()
    while true do
        local message = inbox:receive()
        process.send(message:from(), "echo", message:payload():data())
    end
end
