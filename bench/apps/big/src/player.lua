-- Sends n pings to random peers, one after the other, and answers those of others.
return function(bench, n)
    local inbox = process.inbox()
    local peers = inbox:receive():payload():data()
    local own, left = process.pid(), n
    while true do
        local message = inbox:receive()
        if message:topic() == "ping" then
            process.send(message:from(), "pong", message:payload():data())
        elseif left > 0 then
            left -= 1
            process.send(peers[math.random(#peers)], "ping", left)
        else
            process.send(bench, "done")
        end
    end
end
