"""What tests share: processes of hcexport, terminals, servers that misbehave, and zips. Holds no test."""
